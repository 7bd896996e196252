// Lines of text that grow at their end. Stays at the end while the reader does.
export default {
  template: `<pre class="b-lines" tabindex="0"></pre>`,
  props: { most: Number },
  methods: {
    feed(text, anew) {
      const box = this.$el;
      const at_end = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
      if (anew) box.textContent = "";
      box.append(text);
      if (box.childNodes.length > 200) {
        const lines = box.textContent.split("\n");
        box.textContent = lines.slice(-this.most).join("\n");
      }
      if (at_end || anew) box.scrollTop = box.scrollHeight;
    },
  },
};
