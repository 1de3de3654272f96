/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack completion: the tables of commands and options in the words of bash, zsh and fish, so
 * that what a shell offers is what the program takes. */
#include <string.h>
#include "command/command.h"
#include "util.h"

enum value { /* of an option, or an operand */
	     VALUE_NONE,
	     VALUE_FILE,
	     VALUE_DIR,
	     VALUE_CHOICE,
	     VALUE_OTHER, /* a number, a time: nothing to offer */
};

static enum value value_of(const struct option_def *o)
{
	switch (o->kind) {
	case OPTION_FLAG:
	case OPTION_MAYBE: /* only behind '=' */
		return VALUE_NONE;
	case OPTION_CHOICE:
		return VALUE_CHOICE;
	case OPTION_TEXT:
	case OPTION_WORDS:
		break;
	}
	if (!strcmp(o->arg, "DIR"))
		return VALUE_DIR;
	return !strcmp(o->arg, "FILE") ? VALUE_FILE : VALUE_OTHER;
}

/* Of the command's operands, from its synopsis. */
static enum value operand_of(const struct command *c)
{
	if (strstr(c->synopsis, "PATH"))
		return VALUE_FILE;
	if (!c->max_operands)
		return VALUE_NONE;
	return strchr(c->synopsis, '|') ? VALUE_CHOICE : VALUE_OTHER;
}

/* "a|b|c" with blanks between them. */
static void put_choices(const char *choices, FILE *out)
{
	for (; *choices; choices++)
		putc(*choices == '|' ? ' ' : *choices, out);
}

static void put_names(const struct command_table *t, const char *between, FILE *out)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].summary)
			fprintf(out, "%s%s", t->v[i].name, between);
	fputs("help", out);
}

/* For the inside of single quotes: what would end them, and what special means besides. */
static void put_quoted(const char *text, const char *quote, const char *special, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs(quote, out);
		else if (strchr(special, *text))
			fprintf(out, "\\%c", *text);
		else
			putc(*text, out);
	}
}

/* ---- bash --------------------------------------------------------------------------------------
 */

static const char bash_code[] =
	"_untrack()\n"
	"{\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} command= option= value= before= word i\n"
	"\n"
	"	COMPREPLY=()\n"
	"	# --as=nft is three words, where '=' breaks them.\n"
	"	[[ $cur == = ]] && cur=\n"
	"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"		word=${COMP_WORDS[i]}\n"
	"		if [[ $word == = ]]; then\n"
	"			continue\n"
	"		elif [[ -n $option ]]; then\n"
	"			option=\n"
	"		elif [[ $word == --* ]]; then\n"
	"			_untrack_option\n"
	"			[[ -n $value ]] && option=$word\n"
	"		elif [[ $word != -* && -z $command ]]; then\n"
	"			command=$word\n"
	"		fi\n"
	"	done\n"
	"	if [[ -z $option && $cur == --*=* ]]; then\n"
	"		option=${cur%%=*} before=$option= cur=${cur#*=}\n"
	"	fi\n"
	"	if [[ -n $option ]]; then\n"
	"		word=$option\n"
	"		_untrack_option\n"
	"	elif [[ $cur == -* ]]; then\n"
	"		_untrack_options\n"
	"	elif [[ -z $command ]]; then\n"
	"		value=$_untrack_commands\n"
	"	else\n"
	"		_untrack_operand\n"
	"	fi\n"
	"	case $value in\n"
	"	@file | @dir)\n"
	"		compopt -o filenames 2>/dev/null\n"
	"		[[ $value == @file ]] && value=-f || value=-d\n"
	"		mapfile -t COMPREPLY < <(compgen -P \"$before\" $value -- \"$cur\") ;;\n"
	"	@*) ;;\n"
	"	*) mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$value\" -- \"$cur\") ;;\n"
	"	esac\n"
	"}\n"
	"complete -F _untrack untrack\n";

static void bash_value(enum value v, const char *choices, FILE *out)
{
	fputs("value=", out);
	switch (v) {
	case VALUE_NONE:
		break;
	case VALUE_FILE:
		fputs("@file", out);
		break;
	case VALUE_DIR:
		fputs("@dir", out);
		break;
	case VALUE_CHOICE:
		putc('\'', out);
		put_choices(choices, out);
		putc('\'', out);
		break;
	case VALUE_OTHER:
		fputs("@other", out);
		break;
	}
}

static void bash_option_values(const char *command, const struct option_def *o, FILE *out)
{
	for (; o->name; o++) {
		if (value_of(o) == VALUE_NONE)
			continue;
		fprintf(out, "\t\"%s --%s\") ", command, o->name);
		bash_value(value_of(o), o->arg, out);
		fputs(" ;;\n", out);
	}
}

static void bash_option_names(const struct option_def *o, FILE *out)
{
	for (; o->name; o++) {
		fprintf(out, " --%s", o->name);
		if (o->letter)
			fprintf(out, " -%c", o->letter);
	}
}

static void print_bash(const struct command_table *t, FILE *out)
{
	fputs("_untrack_commands='", out);
	put_names(t, " ", out);
	fputs("'\n\n# What the option in $word takes; nothing: no value.\n_untrack_option()\n{\n"
	      "\tcase $command\\ ${word%%=*} in\n",
	      out);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].summary)
			bash_option_values(t->v[i].name, t->v[i].options, out);
	for (const struct option_def *o = t->general; o->name; o++) {
		if (value_of(o) == VALUE_NONE)
			continue;
		fprintf(out, "\t*\" --%s\") ", o->name);
		bash_value(value_of(o), o->arg, out);
		fputs(" ;;\n", out);
	}
	fputs("\t*) value= ;;\n\tesac\n}\n\n_untrack_operand()\n{\n\tcase $command in\n", out);
	for (size_t i = 0; i < t->n; i++) {
		const struct command *c = &t->v[i];

		if (!c->summary || operand_of(c) == VALUE_NONE)
			continue;
		fprintf(out, "\t%s) ", c->name);
		bash_value(operand_of(c), c->synopsis, out);
		fputs(" ;;\n", out);
	}
	fputs("\thelp) value=$_untrack_commands ;;\n\tesac\n}\n\n_untrack_options()\n{\n\tvalue='",
	      out);
	bash_option_names(t->general, out);
	fputs("'\n\tcase $command in\n", out);
	for (size_t i = 0; i < t->n; i++) {
		const struct command *c = &t->v[i];

		if (!c->summary || !c->options->name)
			continue;
		fprintf(out, "\t%s) value+='", c->name);
		bash_option_names(c->options, out);
		fputs("' ;;\n", out);
	}
	fputs("\tesac\n}\n\n", out);
	fputs(bash_code, out);
}

/* ---- zsh ---------------------------------------------------------------------------------------
 */

static void zsh_value(enum value v, const char *name, const char *choices, FILE *out)
{
	switch (v) {
	case VALUE_NONE:
		return;
	case VALUE_FILE:
		fprintf(out, ":%s:_files", name);
		return;
	case VALUE_DIR:
		fprintf(out, ":%s:_files -/", name);
		return;
	case VALUE_CHOICE:
		fprintf(out, ":%s:(", name);
		put_choices(choices, out);
		putc(')', out);
		return;
	case VALUE_OTHER:
		fprintf(out, ":%s: ", name);
		return;
	}
}

static void zsh_options(const struct option_def *o, const char *indent, FILE *out)
{
	for (; o->name; o++) {
		const bool maybe = o->kind == OPTION_MAYBE;

		fputs(indent, out);
		if (o->letter)
			fprintf(out, "'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter,
				o->name);
		else
			fprintf(out, "'%s--%s%s[", o->kind == OPTION_WORDS ? "*" : "", o->name,
				maybe			    ? "=-"
				: value_of(o) != VALUE_NONE ? "="
							    : "");
		put_quoted(o->help, "'\\''", "[]\\", out);
		putc(']', out);
		if (maybe)
			fprintf(out, "::%s: ", o->arg);
		zsh_value(value_of(o), o->kind == OPTION_CHOICE ? o->name : o->arg, o->arg, out);
		fputs("' \\\n", out);
	}
}

static void zsh_command(const struct command_table *t, const struct command *c, FILE *out)
{
	fprintf(out, "\t%s)\n\t\t_arguments -S \\\n", c->name);
	zsh_options(t->general, "\t\t\t", out);
	zsh_options(c->options, "\t\t\t", out);
	fputs("\t\t\t", out);
	switch (operand_of(c)) {
	case VALUE_FILE:
		fputs("'*:PATH:_files'", out);
		break;
	case VALUE_CHOICE:
		fputs("'1", out);
		zsh_value(VALUE_CHOICE, "choice", c->synopsis, out);
		putc('\'', out);
		break;
	case VALUE_NONE:
	case VALUE_DIR:
	case VALUE_OTHER:
		fputs("'*: : '", out);
		break;
	}
	fputs(" ;;\n", out);
}

static void print_zsh(const struct command_table *t, FILE *out)
{
	fputs("_untrack_commands()\n{\n\tlocal -a commands=(\n", out);
	for (size_t i = 0; i < t->n; i++) {
		if (!t->v[i].summary)
			continue;
		fprintf(out, "\t\t'%s:", t->v[i].name);
		put_quoted(t->v[i].summary, "'\\''", "\\", out);
		fputs("'\n", out);
	}
	fputs("\t\t'help:this help, or a command'\\''s'\n\t)\n\n\t_describe command commands\n}\n\n"
	      "_untrack()\n{\n\tlocal curcontext=$curcontext state line\n"
	      "\ttypeset -A opt_args\n\n\t_arguments -S -C \\\n",
	      out);
	zsh_options(t->general, "\t\t", out);
	fputs("\t\t'1:command:_untrack_commands' '*::argument:->arguments'\n"
	      "\t[[ $state == arguments ]] || return\n\tcase $words[1] in\n",
	      out);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].summary)
			zsh_command(t, &t->v[i], out);
	fputs("\thelp) _arguments '1:command:_untrack_commands' ;;\n\tesac\n}\n\n"
	      "if [[ $funcstack[1] == _untrack ]]; then\n\t_untrack \"$@\"\nelse\n"
	      "\tcompdef _untrack untrack\nfi\n",
	      out);
}

/* ---- fish --------------------------------------------------------------------------------------
 */

static void fish_value(enum value v, const char *choices, FILE *out)
{
	switch (v) {
	case VALUE_NONE:
		return;
	case VALUE_FILE:
		fputs(" -r -F", out);
		return;
	case VALUE_DIR:
		fputs(" -x -a '(__fish_complete_directories)'", out);
		return;
	case VALUE_CHOICE:
		fputs(" -x -a '", out);
		put_choices(choices, out);
		putc('\'', out);
		return;
	case VALUE_OTHER:
		fputs(" -x", out);
		return;
	}
}

/* command: NULL for those of every command. */
static void fish_options(const char *command, const struct option_def *o, FILE *out)
{
	for (; o->name; o++) {
		fputs("complete -c untrack", out);
		if (command)
			fprintf(out, " -n '__fish_seen_subcommand_from %s'", command);
		fprintf(out, " -l %s", o->name);
		if (o->letter)
			fprintf(out, " -s %c", o->letter);
		fish_value(value_of(o), o->arg, out);
		fputs(" -d '", out);
		put_quoted(o->help, "\\'", "\\", out);
		fputs("'\n", out);
	}
}

static void fish_command(const char *name, const char *summary, FILE *out)
{
	fprintf(out, "complete -c untrack -n __fish_use_subcommand -a %s -d '", name);
	put_quoted(summary, "\\'", "\\", out);
	fputs("'\n", out);
}

static void fish_operand(const struct command *c, FILE *out)
{
	const char *is = "complete -c untrack -n '__fish_seen_subcommand_from";

	switch (operand_of(c)) {
	case VALUE_FILE:
		fprintf(out, "%s %s' -F\n", is, c->name);
		return;
	case VALUE_CHOICE:
		fprintf(out, "%s %s' -a '", is, c->name);
		put_choices(c->synopsis, out);
		fputs("'\n", out);
		return;
	case VALUE_NONE:
	case VALUE_DIR:
	case VALUE_OTHER:
		return;
	}
}

static void print_fish(const struct command_table *t, FILE *out)
{
	fputs("complete -c untrack -f\n", out);
	fish_options(NULL, t->general, out);
	for (size_t i = 0; i < t->n; i++) {
		if (!t->v[i].summary)
			continue;
		fish_command(t->v[i].name, t->v[i].summary, out);
		fish_options(t->v[i].name, t->v[i].options, out);
		fish_operand(&t->v[i], out);
	}
	fish_command("help", "this help, or a command's", out);
	fputs("complete -c untrack -n '__fish_seen_subcommand_from help' -a '", out);
	put_names(t, " ", out);
	fputs("'\n", out);
}

/* ---- all ---------------------------------------------------------------------------------------
 */

enum exit_code command_completion(struct session *s)
{
	static const struct {
		const char *name, *head; /* zsh wants its word in the first line */
		void (*print)(const struct command_table *t, FILE *out);
	} shells[] = {
		{ "bash", "", print_bash },
		{ "zsh", "#compdef untrack\n", print_zsh },
		{ "fish", "", print_fish },
	};
	const char *name = s->req.n_operands ? s->req.operands[0] : NULL;

	for (size_t i = 0; name && i < ARRAY_SIZE(shells); i++) {
		if (strcmp(name, shells[i].name) != 0)
			continue;
		fprintf(s->out, "%s# Completion of untrack(8), made by 'untrack completion %s'.\n",
			shells[i].head, name);
		shells[i].print(s->table, s->out);
		return CODE_DONE;
	}
	if (name)
		diag_error(s->d, NULL, "usage", 0, "completion: there is none for '%s'", name);
	else
		diag_error(s->d, NULL, "usage", 0, "completion: for which shell?");
	diag_cure(s->d, "untrack completion bash, zsh or fish");
	return CODE_USAGE;
}
