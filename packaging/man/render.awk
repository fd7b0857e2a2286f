# Fills in target-eye.1.in: `awk -v help=FILE -v version=V -v date=D -f render.awk target-eye.1.in`, where
# FILE is what `target-eye --help` says. So the page has the settings of the program that it is for.

function escaped(text) {
  gsub(/\\/, "\\e", text)
  sub(/^[.']/, "\\\\\\&&", text)
  return text
}

# Each sentence on a line of its own, so that the formatter sets the space between them.
function sentences(text) {
  while (match(text, /\. [A-Z]/)) {
    print escaped(substr(text, 1, RSTART))
    text = substr(text, RSTART + 2)
  }
  print escaped(text)
}

# A line `  --flag, --other ARGUMENT` as an entry of the list.
function entry(line,    words, count, i, out) {
  count = split(line, words, / +/)
  out = ".It"
  for (i = 1; i <= count; ++i) {
    if (words[i] ~ /^-/) {
      sub(/^-/, "", words[i])
      gsub(/-/, "\\-", words[i])
      comma = sub(/,$/, "", words[i])
      out = out " Fl " words[i] (comma ? " ," : "")
    } else {
      out = out " Ar " words[i]
    }
  }
  return out
}

function options(    line, on, parts) {
  while ((getline line < help) > 0) {
    on = on || line ~ /^  -/
    if (!on || line == "") continue
    if (line ~ /^  -/) {
      # Two columns: the flag, and after many spaces what it does.
      split(line, parts, /   +/)
      if (parts[1] == "" || line !~ /[^ ]   +[^ ]/) parts[2] = ""
      sub(/^ +/, "", line)
      if (line ~ /   +/) sub(/   +.*/, "", line)
      print entry(line)
      if (parts[2] != "") print escaped(parts[2])
    } else if (line ~ /^      /) {
      sub(/^ +/, "", line)
      if (line ~ /^[A-Z0-9_, ]+; default /) print escaped(line) "\n.br"
      else sentences(line)
    } else {
      sub(/:$/, "", line)
      print ".El\n.Ss " line "\n.Bl -tag -width Ds"
    }
  }
  print ".El"
}

{
  gsub(/@VERSION@/, version)
  gsub(/@DATE@/, date)
  if ($0 == "@OPTIONS@") options()
  else print
}
