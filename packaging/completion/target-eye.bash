# bash completion for target-eye(1). The flags and their words are those that `target-eye --help` names.

_target_eye() {
  local word=$2 before=$3 argument
  COMPREPLY=()
  # What the flag before the cursor takes, as --help shows it: `a|b`, `PATH`, `SECONDS`.
  argument=$("$1" --help 2>/dev/null | awk -v flag="$before" '
    /^  -/ { for (i = 1; i < NF; ++i) { name = $i; sub(/,$/, "", name)
               if (name == flag && flag ~ /^--/) { for (i = 1; $i ~ /^-/; ++i); print $i; exit } } }')
  case $argument in
  true\|false | '') ;; # A switch takes no word of its own.
  *\|*)
    mapfile -t COMPREPLY < <(compgen -W "${argument//|/ }" -- "$word")
    return
    ;;
  PATH | TEXT | LIST)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  *) return ;;
  esac
  if [[ $before == check && $COMP_CWORD -eq 2 ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'config health' -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2>/dev/null |
      awk '/^  -/ { for (i = 1; $i ~ /^-/; ++i) { sub(/,$/, "", $i); print $i } }')" -- "$word")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    [[ $COMP_CWORD -ne 1 ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W 'serve check accept-loss help version' -- "$word")
  fi
}

complete -F _target_eye target-eye
