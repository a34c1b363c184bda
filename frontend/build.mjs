// Bundles the entry points of bundles.json into src/strongroom/<name>.{js,css}.
// Run it through build.py, which finds Node, installs the packages and skips needless work.
import { build } from "esbuild";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));

const outdir = "../src/strongroom";
const bundles = JSON.parse(await readFile("bundles.json", "utf8"));

/** The npm packages that an output contains, as folders such as `node_modules/htmx.org`. */
function packagesIn(output) {
  const folders = Object.keys(output.inputs).map(
    (file) => file.match(/^node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0],
  );
  return [...new Set(folders.filter(Boolean))].sort();
}

/** One package's name, version and full licence text. */
async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? await readFile(join(folder, file), "utf8") : "";
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

/** Writes one bundle. Minifying drops most licence notes, and the wheel passes them on: so, beside it. */
async function bundle(name, sources) {
  const { metafile } = await build({
    entryPoints: sources.map((source) => ({ in: source, out: name })),
    outdir,
    bundle: true,
    minify: true,
    format: "esm", // served as <script type="module">: deferred, strict, nothing global by accident
    target: "es2022",
    charset: "utf8",
    legalComments: "eof",
    loader: { ".svg": "copy" },
    metafile: true,
    logLevel: "warning",
  });
  for (const [file, output] of Object.entries(metafile.outputs)) {
    if (extname(file) !== ".js") continue;
    const licences = await Promise.all(packagesIn(output).map(licenceOf));
    const rule = `\n${"-".repeat(72)}\n\n`;
    await writeFile(file.replace(/\.js$/, ".licences.txt"), licences.join(rule));
  }
}

try {
  for (const [name, sources] of Object.entries(bundles)) await bundle(name, sources);
} catch (error) {
  if (!error.errors) throw error;
  process.exitCode = 1; // esbuild has already shown what is wrong, and where
}
