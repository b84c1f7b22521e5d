/*  completion: the scripts that make a shell ask the program (complete.h). Nothing of the table is in them, so one that
    was installed with an older version still offers what the program of now takes.  */
#include "ctl/run.h"

#include <string.h>

/*  @P stands for the program, @F for its name as the name of a function.  */
static const char bash_script[] =
    "# bash completion for @P; print it with: @P completion bash\n"
    "_@F_complete()\n"
    "{\n"
    "    # Readline splits words at = and : as well; here they are whole again.\n"
    "    local words=() word line kind= i\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ ${#words[@]} -gt 0 && ( $word == [=:]* || ${words[-1]} == *[=:] ) ]]; then\n"
    "            words[-1]+=$word\n"
    "        else\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    local cur=${words[-1]}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        if [[ -z $kind ]]; then\n"
    "            kind=$line\n"
    "        else\n"
    "            COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
    "        fi\n"
    "    done < <(\"${COMP_WORDS[0]}\" __complete \"${words[@]}\" 2>/dev/null)\n"
    "    local path=$cur\n"
    "    [[ $cur == --*=* ]] && path=${cur#*=}\n"
    "    case $kind in\n"
    "    file)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$path\")\n"
    "        ;;\n"
    "    dir)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$path\")\n"
    "        ;;\n"
    "    words)\n"
    "        # Readline replaces only what follows the last = or : of the word.\n"
    "        if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then\n"
    "            COMPREPLY=(\"${COMPREPLY[@]#\"${cur%%=*}=\"}\")\n"
    "        fi\n"
    "        declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "
    "\"$cur\"\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _@F_complete @P\n";

static const char zsh_script[] =
    "#compdef @P\n"
    "# zsh completion for @P; print it with: @P completion zsh\n"
    "_@F() {\n"
    "    local -a lines names shown\n"
    "    local kind line text\n"
    "    lines=(\"${(@f)$($words[1] __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    kind=$lines[1]\n"
    "    case $kind in\n"
    "    file)\n"
    "        [[ $words[CURRENT] == --*=* ]] && compset -P '*='\n"
    "        _files\n"
    "        ;;\n"
    "    dir)\n"
    "        [[ $words[CURRENT] == --*=* ]] && compset -P '*='\n"
    "        _files -/\n"
    "        ;;\n"
    "    words)\n"
    "        for line in \"${(@)lines[2,-1]}\"; do\n"
    "            [[ -n $line ]] || continue\n"
    "            names+=(\"${line%%$'\\t'*}\")\n"
    "            text=${line#*$'\\t'}\n"
    "            [[ $text == $line ]] && shown+=(\"$line\") || shown+=(\"${line%%$'\\t'*}  -- "
    "$text\")\n"
    "        done\n"
    "        (( $#names )) && compadd -l -d shown -a names\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "if [[ ${funcstack[1]} == _@F ]]; then\n"
    "    _@F \"$@\"\n"
    "else\n"
    "    compdef _@F @P\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for @P; print it with: @P completion fish\n"
    "function __@F_complete\n"
    "    set -l before (commandline -opc)\n"
    "    set -l word (commandline -ct)\n"
    "    set -l lines ($before[1] __complete $before[2..-1] \"$word\" 2>/dev/null)\n"
    "    switch \"$lines[1]\"\n"
    "        case file\n"
    "            __fish_complete_path (string replace -r '^--[^=]*=' '' -- \"$word\")\n"
    "        case dir\n"
    "            __fish_complete_directories (string replace -r '^--[^=]*=' '' -- \"$word\")\n"
    "        case words\n"
    "            printf '%s\\n' $lines[2..-1]\n"
    "    end\n"
    "end\n"
    "complete -c @P -f -a '(__@F_complete)'\n";

static void fill (const char *script, bg_buf *out)
{
    for (const char *at = script; *at != '\0'; at++) {
        if (at[0] == '@' && at[1] == 'P') {
            bg_buf_append_str (out, CTL_PROGRAM);
            at++;
        } else if (at[0] == '@' && at[1] == 'F') {
            for (const char *c = CTL_PROGRAM; *c != '\0'; c++)
                bg_buf_append_byte (out, *c == '-' ? '_' : (uint8_t) *c);
            at++;
        } else {
            bg_buf_append_byte (out, (uint8_t) *at);
        }
    }
}

bg_result CTL_HANDLER (completion) (ctl_run *run, bg_error *err)
{
    static const struct {
        const char *shell;
        const char *script;
    } scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    const char *shell = ctl_argument (run->parsed, 0);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp (shell, scripts[i].shell) != 0)
            continue;
        BG_AUTO_BUF text = {0};
        fill (scripts[i].script, &text);
        ctl_print_slice (run->out, bg_buf_slice (&text));
        return bg_ok ();
    }
    bg_ignore (bg_fail (err, BG_USAGE, "there is no completion for '%s'", shell));
    return bg_hint (err, "it may be bash, zsh or fish");
}
