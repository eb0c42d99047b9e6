/* Tabs after the ARIA pattern: arrow keys move among them, and only the chosen one is in the tab order. */

/** Make tabs of a list of buttons that name their panels by aria-controls. shown: hears the id of the panel. Returns {next}. */
export function createTabs(list, shown) {
  const tabs = [...list.querySelectorAll("[role=tab]")];

  function show(chosen, focus = false) {
    for (const tab of tabs) {
      const mine = tab === chosen;
      tab.setAttribute("aria-selected", String(mine));
      tab.tabIndex = mine ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !mine;
    }
    shown(chosen.getAttribute("aria-controls"));
    if (focus) chosen.focus();
  }

  const chosen = () => tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const next = () => show(tabs[(chosen() + 1) % tabs.length]);

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) show(tab);
  });
  list.addEventListener("keydown", ({ key }) => {
    const to = { ArrowLeft: chosen() - 1, ArrowRight: chosen() + 1, Home: 0, End: tabs.length - 1 }[key];
    if (to !== undefined) show(tabs[(to + tabs.length) % tabs.length], true);
  });
  show(tabs[0]);
  return { next };
}
