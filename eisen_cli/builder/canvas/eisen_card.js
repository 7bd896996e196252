// One module: what it is called and told, and behind that the panel with its fields.
const MOVES = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" };

export default {
  template: `
    <article class="eisen-card" :class="{'eisen-open': open, 'eisen-bad': errors, 'eisen-idle': idle}" tabindex="0"
        data-drag :data-place="place" :data-takes="takes" role="listitem"
        :aria-label="name + (errors ? ', ' + problems : '') + ', ' + (open ? 'open' : 'closed')"
        @keydown.self="key">
      <div class="eisen-card-head" data-handle @click="act('toggle')">
        <i class="q-icon notranslate material-icons eisen-grip" aria-hidden="true">drag_indicator</i>
        <div class="eisen-words">
          <span class="eisen-name" :title="path">{{ name }}</span>
          <span class="eisen-summary" :title="summary">{{ summary }}</span>
        </div>
        <span v-if="idle" class="e-chip" :title="idle">not used</span>
        <span v-if="errors" class="e-chip e-chip-bad" data-badge :title="problems">{{ errors }}</span>
        <button class="eisen-round" data-no-drag data-action="menu" :aria-label="'Menu of ' + name" @click.stop>
          <i class="q-icon notranslate material-icons">more_vert</i>
          <q-menu auto-close @show="(event) => $refs.menu?.querySelector('button')?.focus()" anchor="bottom right" self="top right">
            <div class="eisen-menu" role="menu" ref="menu" @keydown="walkMenu">
              <button v-for="item in items" :key="item.name" role="menuitem" :data-action="item.name"
                  @click="act(item.name)">
                <i class="q-icon notranslate material-icons">{{ item.icon }}</i>{{ item.words }}<kbd>{{ item.key }}</kbd>
              </button>
              <template v-if="targets.length">
                <hr>
                <div class="eisen-menu-title">Move to, or copy</div>
                <div v-for="target in targets" :key="target.place" class="eisen-target">
                  <button role="menuitem" :data-move="target.place" @click="act('move', target.place)">
                    {{ target.words }}</button>
                  <button role="menuitem" :data-copy="target.place" :aria-label="'Copy to ' + target.words"
                      :title="'Copy to ' + target.words" @click="act('copy-to', target.place)">
                    <i class="q-icon notranslate material-icons">content_copy</i></button>
                </div>
              </template>
            </div>
          </q-menu>
        </button>
        <i class="q-icon notranslate material-icons eisen-chevron" aria-hidden="true">expand_more</i>
      </div>
      <div v-show="open" class="eisen-card-body" @keydown.esc.stop="close"><slot></slot></div>
    </article>`,
  props: {
    place: String,
    path: String,
    name: String,
    summary: String,
    takes: String,
    idle: String,
    errors: Number,
    problems: String,
    open: Boolean,
    targets: { type: Array, default: () => [] },
  },
  emits: ["act"],
  data: () => ({
    items: [
      { name: "duplicate", icon: "control_point_duplicate", words: "Duplicate", key: "Ctrl D" },
      { name: "copy", icon: "content_copy", words: "Copy", key: "Ctrl C" },
      { name: "cut", icon: "content_cut", words: "Cut", key: "Ctrl X" },
      { name: "paste", icon: "content_paste", words: "Paste after", key: "Ctrl V" },
      { name: "up", icon: "arrow_upward", words: "Move up", key: "Alt ↑" },
      { name: "down", icon: "arrow_downward", words: "Move down", key: "Alt ↓" },
      { name: "remove", icon: "delete_outline", words: "Remove", key: "Del" },
    ],
  }),
  methods: {
    act(name, target = "") {
      this.$emit("act", name, target);
    },
    key(event) {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      const control = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
      const name = event.altKey ? MOVES[event.key] : control ? { d: "duplicate", c: "copy", x: "cut" }[event.key] : null;
      if (name && !String(window.getSelection())) this.act(name);
      else if (plain && ["Delete", "Backspace"].includes(event.key)) this.act("remove");
      else if (plain && ["Enter", " "].includes(event.key)) this.act("toggle");
      else if (plain && event.key in MOVES) this.walk(event.key);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    walk(key) {
      const cards = [...document.querySelectorAll("[data-place][data-drag]")].filter((card) => card.offsetParent);
      const here = cards.indexOf(this.$el);
      const lane = (card) => card.parentNode;
      let next = cards[here + (key === "ArrowDown" ? 1 : -1)];
      if (key === "ArrowRight") next = cards.slice(here).find((card) => lane(card) !== lane(this.$el));
      if (key === "ArrowLeft") next = cards.slice(0, here).reverse().find((card) => lane(card) !== lane(this.$el));
      next?.focus();
    },
    walkMenu(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const items = [...event.currentTarget.querySelectorAll("button")];
      items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
      event.preventDefault();
    },
    focus() {
      this.$el.focus();
      this.$el.scrollIntoView({ block: "nearest" });
    },
    close() {
      if (this.open) this.act("toggle");
      this.$el.focus();
    },
  },
};
