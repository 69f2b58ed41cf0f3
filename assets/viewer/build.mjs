// Bundles src/ into two ES modules, the player (with three.js) and the small widgets: `npm ci && npm run build`.
import { build } from "esbuild";

await build({
  entryPoints: { player: "src/index.js", widgets: "src/widgets.js" },
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "inline",
  loader: { ".css": "text" },
  logLevel: "info",
});
