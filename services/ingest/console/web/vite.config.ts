import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const server = process.env.INLET_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  plugins: [notices()],
  build: {
    outDir: process.env.OUT_DIR ?? "../dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy wants files
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": { target: server, changeOrigin: false }, "/docs": server } },
});

// notices writes the licences of the packages that are in the bundle to third-party.txt.
function notices(): Plugin {
  return {
    name: "notices",
    generateBundle(_, bundle) {
      const folders = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const id of Object.keys(chunk.modules)) {
          const folder = packageOf(id);
          if (folder) folders.add(folder);
        }
      }
      const texts = [...folders].map(notice).sort();
      this.emitFile({ type: "asset", fileName: "third-party.txt", source: texts.join("\n" + "-".repeat(80) + "\n\n") });
    },
  };
}

// packageOf returns the folder of the package that a module belongs to.
function packageOf(id: string): string | undefined {
  if (!id.includes("/node_modules/")) return undefined;
  let folder = dirname(id.replace(/^\0/, ""));
  while (folder.includes("/node_modules/")) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version) return folder;
    folder = dirname(folder);
  }
  return undefined;
}

function notice(folder: string): string {
  const { name, version, license, homepage, repository } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : `Licence: ${license}. ${homepage ?? repository?.url ?? ""}`;
  return `${name} ${version} (${license})\n\n${text}\n`;
}
