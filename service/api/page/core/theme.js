// @ts-check
/* The light theme, the dark theme, or that of the system. */

import { readPreference, writePreference } from "./preferences.js";
import { t } from "./text.js";

const THEMES = ["auto", "light", "dark"];

/** @param {HTMLElement} button */
export function createTheme(button) {
  const stored = readPreference("theme", "auto");
  let theme = THEMES.includes(stored) ? stored : "auto";
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    const name = t("theme.label", { theme: t(`theme.${theme}`) });
    button.setAttribute("aria-label", name);
    button.title = name;
  };
  const next = () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    writePreference("theme", theme);
    apply();
  };
  button.addEventListener("click", next);
  apply();
  return { next };
}
