// One section of a phase: a heading, and the list its cards stand in.
import { focusSearch, makeSortable, steady } from "eisen_dragging";

export default {
  template: `
    <section class="eisen-lane" :data-section="place" :data-role="role" :class="{'eisen-current': current}"
        :aria-label="title" @focusin="$emit('act', 'enter')" @pointerdown="$emit('act', 'enter')">
      <header class="eisen-lane-head">
        <h3>{{ title }}</h3>
        <span v-if="count > 1" class="eisen-count">{{ count }}</span>
        <span v-if="note" class="eisen-note">{{ note }}</span>
        <span class="eisen-space"></span>
        <button class="eisen-round" data-action="pick" :aria-label="'Add to ' + title" :title="'Add a ' + one"
            @click="pick"><i class="q-icon notranslate material-icons">add</i></button>
      </header>
      <div v-if="problem" class="eisen-lane-bad">{{ problem }}</div>
      <div ref="list" v-memo="[turn()]" class="eisen-list" :data-list="place" :data-role="role" role="list">
        <slot></slot>
        <button v-if="!count" class="eisen-empty" data-no-drag @click="pick">{{ hint }}</button>
      </div>
    </section>`,
  props: {
    place: String,
    role: String,
    title: String,
    one: String,
    hint: String,
    note: String,
    problem: String,
    count: Number,
    current: Boolean,
  },
  emits: ["act", "put"],
  mixins: [steady],
  mounted() {
    this.sortable = makeSortable(this.$refs.list, { isSource: false, onDrop: (drop) => this.$emit("put", drop) });
  },
  methods: {
    reveal() {
      this.$el.scrollIntoView({ block: "center", behavior: "smooth" });
    },
    pick() {
      this.$emit("act", "pick");
      focusSearch();
    },
  },
  unmounted() {
    this.sortable?.destroy();
  },
};
