// Bundles src/ into dist/ under content-hashed names and writes manifest.json: the name asked for -> the file.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");

const copies = {
  "favicon.svg": "src/favicon.svg",
  "swagger-ui.js": "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
  "swagger-ui.css": "node_modules/swagger-ui-dist/swagger-ui.css",
};

async function bundle() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      app: "src/app.js",
      docs: "src/docs.js",
      style: "src/style/app.css",
      "docs-style": "src/style/docs.css",
    },
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
  const names = {
    "src/app.js": "app.js",
    "src/docs.js": "docs.js",
    "src/style/app.css": "app.css",
    "src/style/docs.css": "docs.css",
  };
  return Object.fromEntries(
    Object.entries(metafile.outputs).map(([file, { entryPoint }]) => [names[entryPoint], basename(file)]),
  );
}

async function copy(name, source) {
  const bytes = await readFile(join(root, source));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  const file = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  await writeFile(join(dist, file), bytes);
  return [name, file];
}

await mkdir(dist, { recursive: true });
const manifest = {
  ...(await bundle()),
  ...Object.fromEntries(
    await Promise.all(Object.entries(copies).map(([name, source]) => copy(name, source))),
  ),
};

// The manifest appears whole, and only once every file it names is there.
await writeFile(join(dist, "manifest.json.part"), JSON.stringify(manifest, null, 2));
await rename(join(dist, "manifest.json.part"), join(dist, "manifest.json"));

const kept = new Set(["manifest.json", ...Object.values(manifest)]);
for (const file of await readdir(dist)) {
  if (!kept.has(file)) await rm(join(dist, file), { recursive: true });
}
