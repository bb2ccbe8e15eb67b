// Tables are sorted by the names of their columns; what is folded away opens to links and to print.
{
  const announcement = document.getElementById("announcement");
  const keyOf = (row, column) => row.cells[column].dataset.key;

  // Nothing to show goes last, whichever way round.
  const compare = (a, b, direction) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const numbers = [Number(a), Number(b)];
    return direction * (numbers.some(Number.isNaN) ? a.localeCompare(b) : numbers[0] - numbers[1]);
  };

  const makeSortable = (table) => {
    const stays = table.querySelector(".stays") || table.tHead;
    const groups = [...table.tBodies].filter((body) => body !== stays).map((body) => ({ body, rows: [...body.rows] }));
    const rows = groups.flatMap((group) => group.rows.filter((row) => row.className !== "group"));
    const names = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const sorted = document.createElement("tbody");
    if (rows.length < 2) return;

    const restore = () => {
      groups.forEach((group) => group.body.append(...group.rows));
      sorted.remove();
    };
    const sort = (column, direction) => {
      const found = rows.map((row) => ({ row, key: keyOf(row, column) }));
      found.sort((a, b) => compare(a.key, b.key, direction));
      sorted.append(...found.map(({ row }) => row));
      groups.forEach((group) => group.body.remove());
      stays.after(sorted);
    };
    const press = (name, column) => {
      // Of numbers the largest is looked for first, of words the first letter; a third press restores the order.
      const isWord = rows.some((row) => Number.isNaN(Number(keyOf(row, column) ?? 0)));
      const order = isWord ? ["ascending", "descending", "none"] : ["descending", "ascending", "none"];
      const next = order[(order.indexOf(name.getAttribute("aria-sort")) + 1) % 3];
      names.forEach((other) => other.setAttribute("aria-sort", "none"));
      name.setAttribute("aria-sort", next);
      table.classList.toggle("is-sorted", next !== "none");
      if (next === "none") {
        stays.after(...groups.map((group) => group.body));
        restore();
      } else {
        sort(column, next === "ascending" ? 1 : -1);
      }
      announcement.textContent = next === "none"
        ? `${table.caption.textContent}: in the usual order`
        : `${table.caption.textContent}: sorted by ${name.dataset.name}, ${next}`;
    };
    names.forEach((name, column) => {
      if (!rows.some((row) => keyOf(row, column) !== undefined)) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...name.childNodes);
      button.addEventListener("click", () => press(name, column));
      name.append(button);
      name.setAttribute("aria-sort", "none");
    });
  };
  document.querySelectorAll("table.sortable").forEach(makeSortable);

  // Only what can be scrolled is worth a stop of the Tab key.
  const tell = (box) => {
    const scrolls = box.scrollWidth > box.clientWidth;
    box.tabIndex = scrolls && !box.closest("nav") ? 0 : -1;
    box.classList.toggle("scrolls", scrolls);
    box.classList.toggle("goes-on", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  };
  const boxes = new ResizeObserver((entries) => entries.forEach(({ target }) => tell(target)));
  document.querySelectorAll(".scroll, pre, nav ul").forEach((box) => {
    boxes.observe(box);
    box.addEventListener("scroll", () => tell(box), { passive: true });
  });

  // Runs that the reader leaves out: their columns, their tables and, by the ends of their ids, their maps.
  const choice = document.querySelector("fieldset.runs");
  if (choice) {
    choice.hidden = false;
    choice.addEventListener("change", ({ target }) => {
      document.querySelectorAll(`[data-run="${target.value}"], .brain[id$="-${target.value}"]`).forEach((one) => {
        // A map that is folded goes with the line that unfolds it.
        const whole = one.matches(".brain") ? one.closest("details.more") || one : one;
        whole.hidden = !target.checked;
      });
      announcement.textContent = `Run ${target.value} is ${target.checked ? "shown" : "left out"}`;
    });
  }

  const subjects = [...document.querySelectorAll(".folds > details")];
  const unfold = document.getElementById("unfold");
  if (unfold) {
    const areOpen = () => subjects.every((one) => one.open);
    const name = () => {
      unfold.textContent = `${areOpen() ? "fold" : "unfold"} all subjects`;
      unfold.setAttribute("aria-expanded", areOpen());
    };
    unfold.parentElement.hidden = false;
    unfold.addEventListener("click", () => {
      const open = !areOpen();
      subjects.forEach((one) => { one.open = open; });
    });
    subjects.forEach((one) => one.addEventListener("toggle", name));
  }
  const follow = () => {
    const details = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.querySelector(":scope > details");
    if (details && details.parentElement.classList.contains("folds")) details.open = true;
  };
  // A second press on a link changes no hash.
  document.querySelectorAll("nav.parts a").forEach((link) => link.addEventListener("click", () => setTimeout(follow)));
  addEventListener("hashchange", follow);
  follow();

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));
}
