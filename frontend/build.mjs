// Bundles src/ into dist/ under content-hashed names and writes manifest.json: the name asked for -> the file.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = dirname(fileURLToPath(import.meta.url));
const DIST = join(ROOT, "dist");

/** What is bundled: the name asked for -> the source that it begins with, and how its file's name begins. */
const BUNDLES = {
  "app.js": { entryPoint: "src/app.js", stem: "app" },
  "docs.js": { entryPoint: "src/docs.js", stem: "docs" },
  "app.css": { entryPoint: "src/style/app.css", stem: "style" },
  "docs.css": { entryPoint: "src/style/docs.css", stem: "docs-style" },
};

/** What is copied as it is: the name asked for -> the source. */
const COPIES = {
  "favicon.svg": "src/favicon.svg",
  "swagger-ui.js": "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
  "swagger-ui.css": "node_modules/swagger-ui-dist/swagger-ui.css",
};

/** Bundle all of BUNDLES. Returns pairs of name and file. */
async function bundleAll() {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: Object.fromEntries(Object.values(BUNDLES).map(({ entryPoint, stem }) => [stem, entryPoint])),
    entryNames: "[name]-[hash]",
    outdir: "dist",
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome123", "firefox120", "safari17.5"],
    legalComments: "eof",
    metafile: true,
    logLevel: "warning",
  });
  const outputs = Object.entries(metafile.outputs);
  return Object.entries(BUNDLES).map(([name, { entryPoint }]) => {
    const output = outputs.find(([, each]) => each.entryPoint === entryPoint);
    if (!output) throw new Error(`esbuild wrote nothing for ${entryPoint}`);
    return [name, basename(output[0])];
  });
}

/**
 * Copy a file. Returns its name and the copy's file.
 *
 * @param {string} name
 * @param {string} source
 */
async function copy(name, source) {
  const bytes = await readFile(join(ROOT, source));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  const file = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  await writeFile(join(DIST, file), bytes);
  return [name, file];
}

await mkdir(DIST, { recursive: true });
const copies = await Promise.all(Object.entries(COPIES).map(([name, source]) => copy(name, source)));
/** @type {Record<string, string>} */
const manifest = Object.fromEntries([...(await bundleAll()), ...copies]);

// The manifest appears whole, and only once every file it names is there.
await writeFile(join(DIST, "manifest.json.part"), JSON.stringify(manifest, null, 2));
await rename(join(DIST, "manifest.json.part"), join(DIST, "manifest.json"));

const current = new Set(["manifest.json", ...Object.values(manifest)]);
for (const file of await readdir(DIST)) {
  if (!current.has(file)) await rm(join(DIST, file), { recursive: true });
}
