// The modules that can be added: dragged into a section, or added by button, double click or Enter.
import { makeSortable, steady } from "eisen_dragging";

export default {
  template: `
    <div class="eisen-parts" ref="list" role="list" v-memo="[turn()]">
      <template v-for="row in rows" :key="row.key || row.title">
        <h4 v-if="row.title" class="eisen-origin">{{ row.title }}<span>{{ row.count }}</span></h4>
        <div v-else class="eisen-part" tabindex="0" data-drag :data-part="row.path" :data-takes="row.takes" role="listitem"
            :aria-label="row.name + ': ' + row.summary" :title="row.path" @dblclick="add(row)" @keydown.self="key($event, row)">
          <div class="eisen-words"><span class="eisen-name">{{ row.name }}</span>
            <span class="eisen-summary">{{ row.summary }}</span></div>
          <span v-if="row.where" class="e-chip">{{ row.where }}</span>
          <button class="eisen-round" data-action="add" tabindex="-1" data-no-drag :aria-label="'Add ' + row.name"
              @click.stop="add(row)"><i class="q-icon notranslate material-icons">add</i></button>
        </div>
      </template>
    </div>`,
  props: { rows: { type: Array, default: () => [] } },
  emits: ["add", "put"],
  mixins: [steady],
  mounted() {
    this.sortable = makeSortable(this.$refs.list, { isSource: true, onDrop: (drop) => this.$emit("put", drop) });
  },
  unmounted() {
    this.sortable?.destroy();
  },
  methods: {
    add(row) {
      this.$emit("add", row.key);
    },
    key(event, row) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === "Enter" || event.key === " ") this.add(row);
      else if (step) {
        const items = [...this.$refs.list.querySelectorAll("[data-part]")];
        items[items.indexOf(event.currentTarget) + step]?.focus();
      } else return;
      event.preventDefault();
    },
    first() {
      this.$refs.list.querySelector("[data-part]")?.focus();
    },
  },
};
