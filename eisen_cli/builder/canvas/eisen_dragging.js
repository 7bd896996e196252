// Dragging modules. SortableJS moves nodes that belong to Vue, so every node is put back before anybody hears of the
// drop: the document on the server is changed, and what changed there comes back as an ordinary update.
import { Sortable } from "nicegui-sortable";

const TABS = "[data-phase]";
const OVER = "eisen-dragged";
let origin = null;
let tab = null;
let isDragging = false;

// What changes during a drag, e.g. from another window, is shown when it is over: until then the nodes are not Vue's.
export const steady = {
  created() {
    this.turns = 0;
    this.again = () => this.$forceUpdate();
  },
  mounted() {
    document.addEventListener(OVER, this.again);
  },
  unmounted() {
    document.removeEventListener(OVER, this.again);
  },
  methods: {
    turn() {
      return isDragging ? this.turns : ++this.turns;
    },
  },
};

// The cursor goes into the search at once; the server hears of it and keeps the drawer open.
export function focusSearch() {
  document.querySelector(".eisen-build")?.classList.add("eisen-pick");
  const field = document.querySelector(".eisen-drawer input[type=search]");
  field?.focus();
  field?.select();
}

export function makeSortable(list, { isSource, onDrop }) {
  return Sortable.create(list, {
    group: { name: "modules", pull: isSource ? "clone" : true, put: isSource ? false : fits },
    sort: !isSource,
    draggable: "[data-drag]",
    filter: "[data-no-drag]",
    preventOnFilter: false,
    handle: isSource ? undefined : "[data-handle]",
    animation: 140,
    forceFallback: true,
    fallbackOnBody: true,
    fallbackTolerance: 4,
    delay: 220,
    delayOnTouchOnly: true,
    touchStartThreshold: 6,
    emptyInsertThreshold: 24,
    scrollSensitivity: 70,
    scrollSpeed: 14,
    ghostClass: "eisen-ghost",
    dragClass: "eisen-drag",
    onChoose: ({ item }) => choose(item),
    onUnchoose: () => (isDragging = false),
    onStart: ({ item }) => start(item),
    onEnd: (event) => end(event, onDrop),
  });
}

function fits(to, _from, item) {
  return roles(item).includes(to.el.dataset.role);
}

function roles(item) {
  return (item.dataset.takes || "").split(" ");
}

function choose(item) {
  isDragging = true;
  origin = { parent: item.parentNode, next: item.nextSibling };
}

function start(item) {
  document.body.classList.add("eisen-dragging");
  for (const lane of document.querySelectorAll("[data-role]")) {
    lane.classList.toggle("eisen-takes", roles(item).includes(lane.dataset.role));
  }
  tab = null;
  for (const kind of ["pointermove", "touchmove"]) document.addEventListener(kind, overTab, { passive: true });
}

function overTab(event) {
  const point = event.touches ? event.touches[0] : event;
  const found = document.elementFromPoint(point.clientX, point.clientY)?.closest(TABS) ?? null;
  if (found === tab) return;
  tab?.classList.remove("eisen-over");
  found?.classList.add("eisen-over");
  tab = found;
}

function end(event, onDrop) {
  for (const kind of ["pointermove", "touchmove"]) document.removeEventListener(kind, overTab);
  document.body.classList.remove("eisen-dragging");
  document.querySelectorAll(".eisen-takes").forEach((lane) => lane.classList.remove("eisen-takes"));
  tab?.classList.remove("eisen-over");
  const drop = described(event);
  putBack(event);
  tab = null;
  isDragging = false;
  document.dispatchEvent(new Event(OVER));
  if (drop) onDrop(drop);
}

function described({ item, to, from, clone, originalEvent }) {
  const what = { place: item.dataset.place ?? "", part: item.dataset.part ?? "", takes: item.dataset.takes ?? "" };
  what.copy = Boolean(originalEvent?.ctrlKey || originalEvent?.altKey);
  if (tab) return { ...what, phase: tab.dataset.phase };
  const cards = [...to.children].filter((node) => node.matches("[data-drag]") && node !== clone);
  const index = cards.indexOf(item);
  const hasMoved = to !== from || item.nextSibling !== origin?.next;
  return hasMoved && to.dataset.list ? { ...what, section: to.dataset.list, index } : null;
}

function putBack({ item, clone }) {
  if (clone && clone !== item) clone.remove();
  if (origin) origin.parent.insertBefore(item, origin.next);
  origin = null;
}
