// A place to drop files and folders. Only names, sizes and the content of small lists are sent: images stay where they are.
const TEXTS = /\.(json|csv|tsv)$/i;
const MOST = 400, LARGEST_TEXT = 3e6, LARGEST_DIGEST = 6e7;

async function walk(entry, path, found) {
  if (found.length >= MOST) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    if (!file.name.startsWith(".")) found.push({ file, name: path + file.name });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    entries.sort((a, b) => a.isDirectory - b.isDirectory || a.name.localeCompare(b.name));
    for (const each of entries) await walk(each, `${path}${entry.name}/`, found);
  }
}

async function digest(file) {
  if (!crypto.subtle || file.size > LARGEST_DIGEST) return "";
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export default {
  template: `
    <div class="e-drop" :class="{ 'e-drop-over': over }" data-action="drop" role="group" aria-label="Drop files or a folder here"
        @dragenter.prevent="over = true" @dragover.prevent="over = true" @dragleave.self="over = false" @drop.prevent="drop">
      <slot></slot>
      <input ref="files" type="file" multiple hidden data-action="pick-files" @change="pick($event)">
      <input ref="folder" type="file" webkitdirectory hidden data-action="pick-folder" @change="pick($event)">
    </div>`,
  data: () => ({ over: false }),
  emits: ["dropped", "looking"],
  methods: {
    async drop(event) {
      this.over = false;
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
      const files = [...event.dataTransfer.files];
      const found = [];
      this.$emit("looking");
      for (const [number, entry] of entries.entries()) {
        if (entry) await walk(entry, "", found);
        else if (files[number]) found.push({ file: files[number], name: files[number].name });
      }
      await this.send(found.length ? found : files.map((file) => ({ file, name: file.name })));
    },
    async pick(event) {
      const files = [...event.target.files].slice(0, MOST);
      event.target.value = "";
      if (!files.length) return;
      this.$emit("looking");
      await this.send(files.map((file) => ({ file, name: file.webkitRelativePath || file.name })));
    },
    async send(found) {
      const isText = ({ file }) => TEXTS.test(file.name) && file.size <= LARGEST_TEXT;
      const told = [];
      let left = LARGEST_TEXT;
      for (const each of found) {
        const one = { name: each.name, size: each.file.size, digest: "", text: null };
        if (told.length < 5 || isText(each)) one.digest = await digest(each.file);
        if (isText(each) && each.file.size <= left) {
          one.text = await each.file.text();
          left -= each.file.size;
        }
        told.push(one);
      }
      this.$emit("dropped", told);
    },
  },
};
