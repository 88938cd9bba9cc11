# The part of a completion script that is the same for every program; words in capitals are filled in by completion.ts.

# What fits the word, without what bash takes for words before it: it divides at : = @ outside of quotes.
_PROGRAM_reply () {
  local head='' breaks='' sign candidate
  if [[ -z $quote ]]; then
    for sign in = @ :; do [[ $COMP_WORDBREAKS == *$sign* ]] && breaks+=$sign; done
    [[ -n $breaks ]] && head=${cur%"${cur##*[$breaks]}"}
  fi
  while IFS= read -r candidate; do COMPREPLY+=("${candidate#"$head"}"); done
}

# words before the value, how compgen makes what fits, and the part of the value that is there
_PROGRAM_fitting () {
  _PROGRAM_reply < <(compgen -P "$1" "${@:3}" -- "$2")
}

_PROGRAM_files () {
  compopt -o filenames 2> /dev/null
  _PROGRAM_fitting "$1" "$2" "${3:--f}"
}

# a scheme, or the path after one
_PROGRAM_uri () {
  if [[ $2 =~ ^((file|sqlite|ipc)://)(/.*)$ ]]; then
    _PROGRAM_files "$1${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"
  else
    compopt -o nospace 2> /dev/null
    _PROGRAM_fitting "$1" "$2" -W "$3"
  fi
}

# argument files that define instances, ROLES/INSTANCE, and the roles that have any
_PROGRAM_units () {
  local file folder
  for file in CONFIG/{forwarders,processors,consumers,monitors}/*; do
    [[ -f $file && ! $file =~ (~|\#|\.(bak|orig|rej|old|save|tmp|swp|swo|disabled)|\.(dpkg|ucf)-[a-z]+)$ ]] || continue
    folder=${file%/*} folder=${folder##*/}
    printf '%s\n' "$folder" "$folder/${file##*/}"
  done
}

_PROGRAM_value () {
  local kind=$1 before=$2 value=$3 where found
  case $kind in
    file) _PROGRAM_files "$before" "$value" ;;
    directory) _PROGRAM_files "$before" "$value" -d ;;
    reader)
      # of the monitor: NAME=URI
      if [[ $value == *=* && ${value%%=*} != *:* ]]; then before+=${value%%=*}= value=${value#*=}; fi
      _PROGRAM_uri "$before" "$value" "$_PROGRAM_readers" ;;
    writer) _PROGRAM_uri "$before" "$value" "$_PROGRAM_writers" ;;
    store) _PROGRAM_uri "$before" "$value" 'mysql:// sqlite://' ;;
    schema)
      where=SCHEMAS/ found=$(printf '%s\n' SCHEMAS/*/)
      found=${found//"$where"/}
      _PROGRAM_fitting "$before" "$value" -W "${found//\//}" ;;
    state)
      where=STATE/ found=$(printf '%s\n' STATE/*.sqlite)
      found=${found//"$where"/}
      _PROGRAM_fitting "$before" "$value" -W "${found//.sqlite/}" ;;
    unit) _PROGRAM_fitting "$before" "$value" -W "$(_PROGRAM_units)" ;;
    *\|*) _PROGRAM_fitting "$before" "$value" -W "${kind//|/ }" ;;
  esac
}

# the kind of an option's value, if it takes one
_PROGRAM_kind () {
  local word
  kind=''
  for word in $options; do [[ $word == "$1"=* ]] && kind=${word#*=}; done
  [[ -n $kind ]]
}

_PROGRAM () {
  local line=${COMP_LINE:0:COMP_POINT} cur quote='' command='' kind='' last='' subcommands options operand at
  local -a words
  COMPREPLY=()
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  # assignments before the command
  while [[ ${#words[@]} -gt 1 && ${words[0]} != "${COMP_WORDS[0]}" ]]; do words=("${words[@]:1}"); done
  at=$((${#words[@]} - 1))
  cur=${words[at]}
  case $cur in [\"\']*) quote=${cur:0:1} cur=${cur:1} ;; esac

  if [[ $at -eq 1 ]]; then _PROGRAM_fitting '' "$cur" -W "$_PROGRAM_commands --help --version"; return; fi
  command=${words[1]}
  _PROGRAM_of "$command"
  if [[ -n $subcommands ]]; then
    if [[ $at -eq 2 ]]; then _PROGRAM_fitting '' "$cur" -W "$subcommands --help"; return; fi
    command+=" ${words[2]}"
    _PROGRAM_of "$command"
  fi

  if [[ $cur == @* ]]; then
    # with nothing yet: where argument files are
    if [[ $cur == @ && " $_PROGRAM_daemons " == *" $command "* && -d CONFIG/${command}s ]]; then cur=@CONFIG/${command}s/; fi
    _PROGRAM_files @ "${cur#@}"
  elif [[ $cur == --*=* ]]; then
    _PROGRAM_kind "${cur%%=*}" && _PROGRAM_value "${kind#+}" "${cur%%=*}=" "${cur#*=}"
  elif [[ $cur != -* ]]; then
    # of an option that takes several, also those after the first
    while [[ $at -gt 1 ]]; do
      at=$((at - 1)) last=${words[at]}
      [[ $last == -?* ]] && break
    done
    if _PROGRAM_kind "$last" && [[ $kind == +* || $at -eq $((${#words[@]} - 2)) ]]; then _PROGRAM_value "${kind#+}" '' "$cur"
    else _PROGRAM_value "$operand" '' "$cur"
    fi
  else
    set -- $options
    _PROGRAM_fitting '' "$cur" -W "${*%%=*}"
  fi
}

complete -F _PROGRAM PROGRAM
