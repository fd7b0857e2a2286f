#!/bin/sh
# The C++ sources, one a line.
cd "$(dirname "$0")/.." && git ls-files -co --exclude-standard 'src/*.cc' 'src/*.h' 'bench/*.cc' 'bench/*.h' 'fuzz/*.cc' 'fuzz/*.h'
