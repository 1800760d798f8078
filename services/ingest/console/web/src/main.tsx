import { render } from "preact";
import { App } from "./app";
import "./state/theme";
import "./style/base.css";
import "./style/parts.css";
import "./style/shell.css";
import "./style/pages.css";
import "./style/uploads.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
