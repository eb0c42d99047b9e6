/* Light, dark, or as the system has it. */

import { read, write } from "./preferences.js";
import { t } from "./words.js";

const THEMES = ["auto", "light", "dark"];

export function createTheme(button) {
  let theme = THEMES.includes(read("theme", "auto")) ? read("theme", "auto") : "auto";
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    const name = t("theme.label", { theme: t(`theme.${theme}`) });
    button.setAttribute("aria-label", name);
    button.title = name;
  };
  const next = () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    write("theme", theme);
    apply();
  };
  button.addEventListener("click", next);
  apply();
  return { next };
}
