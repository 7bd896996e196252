// Keys and events of the whole page, the warning before leaving, and what screen readers are told.
import { focusSearch } from "eisen_dragging";

const EDITABLE = "input, textarea, select, [contenteditable=true], .cm-editor";

export default {
  template: `<div class="sr-only" role="status" aria-live="polite">{{ words }}</div>`,
  props: { unsaved: Boolean, words: String },
  emits: ["act", "paste"],
  mounted() {
    this.heard = { keydown: this.key, paste: this.paste };
    for (const [kind, handler] of Object.entries(this.heard)) document.addEventListener(kind, handler);
    window.addEventListener("beforeunload", this.leave);
  },
  unmounted() {
    for (const [kind, handler] of Object.entries(this.heard)) document.removeEventListener(kind, handler);
    window.removeEventListener("beforeunload", this.leave);
  },
  methods: {
    key(event) {
      const writes = Boolean(event.target.closest?.(EDITABLE));
      const name = event.ctrlKey || event.metaKey ? this.withControl(event, writes) : this.plain(event, writes);
      if (!name) return;
      event.preventDefault();
      if (name === "search") focusSearch();
      this.$emit("act", name);
    },
    withControl(event, writes) {
      const key = event.key.toLowerCase();
      if (key === "s") return event.shiftKey ? "save-as" : "save";
      if (key === "o" && !event.shiftKey) return "open";
      if (writes) return null;
      if (key === "z") return event.shiftKey ? "redo" : "undo";
      return key === "y" ? "redo" : null;
    },
    plain(event, writes) {
      if (writes || event.altKey || document.querySelector(".q-dialog")) return null;
      return { "/": "search", "?": "help" }[event.key] ?? null;
    },
    paste(event) {
      if (event.target.closest?.(EDITABLE)) return;
      const text = event.clipboardData?.getData("text/plain") ?? "";
      const place = document.activeElement?.closest?.("[data-place]")?.dataset.place ?? "";
      event.preventDefault();
      this.$emit("paste", text, place);
    },
    leave(event) {
      if (this.unsaved) event.preventDefault();
    },
    focusCard(place) {
      const card = document.querySelector(`[data-place="${CSS.escape(place)}"]`);
      card?.focus();
      card?.scrollIntoView({ block: "nearest" });
    },
  },
};
