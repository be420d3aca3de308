// The one loop that training spends its time in: add weighted rows of a matrix to a row. It is WebAssembly, which
// works on four numbers at a time, and keeps sixteen sums at hand until the last row is added.

// All parameters are places in the memory, or lengths, in bytes. `items` lists numbers of rows, up to `limit`;
// `factors` is how far behind each item its factor is.
const PARAMETERS = "target stop source width items limit factors".split(" ");
const LOCALS = { i32: ["item", "row"], v128: ["factor", "a", "b", "c", "d"] };
const CODE = `
  loop
    local.get target  v128.load 0   local.set a
    local.get target  v128.load 16  local.set b
    local.get target  v128.load 32  local.set c
    local.get target  v128.load 48  local.set d
    local.get items  local.set item
    loop
      local.get item  i32.load 0  local.get width  i32.mul  local.get source  i32.add  local.set row
      local.get item  local.get factors  i32.add  v128.load32_splat 0  local.set factor
      local.get row  v128.load 0   local.get factor  f32x4.mul  local.get a  f32x4.add  local.set a
      local.get row  v128.load 16  local.get factor  f32x4.mul  local.get b  f32x4.add  local.set b
      local.get row  v128.load 32  local.get factor  f32x4.mul  local.get c  f32x4.add  local.set c
      local.get row  v128.load 48  local.get factor  f32x4.mul  local.get d  f32x4.add  local.set d
      local.get item  i32.const 4  i32.add  local.tee item  local.get limit  i32.ne  br_if 0
    end
    local.get target  local.get a  v128.store 0
    local.get target  local.get b  v128.store 16
    local.get target  local.get c  v128.store 32
    local.get target  local.get d  v128.store 48
    local.get source  i32.const 64  i32.add  local.set source
    local.get target  i32.const 64  i32.add  local.tee target  local.get stop  i32.ne  br_if 0
  end
end`;

// Each instruction in bytes, without what follows it in the code. Memory instructions begin with the alignment.
const INSTRUCTIONS = {
  "loop": [0x03, 0x40],
  "end": [0x0b],
  "br_if": [0x0d],
  "local.get": [0x20],
  "local.set": [0x21],
  "local.tee": [0x22],
  "i32.load": [0x28, 2],
  "i32.const": [0x41],
  "i32.ne": [0x47],
  "i32.add": [0x6a],
  "i32.mul": [0x6c],
  "v128.load": [0xfd, 0x00, 4],
  "v128.load32_splat": [0xfd, 0x09, 2],
  "v128.store": [0xfd, 0x0b, 4],
  "f32x4.add": [0xfd, 0xe4, 0x01],
  "f32x4.mul": [0xfd, 0xe6, 0x01],
};
const TYPES = { i32: 0x7f, v128: 0x7b };
const PAGE = 65536; // bytes
const LINE = 16; // numbers

/** A module as WebAssembly wants it: section by section, each thing after its length or count. */
function assemble() {
  const names = [...PARAMETERS, ...LOCALS.i32, ...LOCALS.v128];
  const number = (n) => (n < 64 ? [n] : [n % 128 | 128, n >> 7]); // LEB128, up to 8191
  const sized = (bytes) => [...number(bytes.length), ...bytes];
  const text = (letters) => sized([...letters].map((letter) => letter.charCodeAt(0)));
  const code = CODE.trim().split(/\s+/).flatMap((word) =>
    INSTRUCTIONS[word] ?? number(names.includes(word) ? names.indexOf(word) : Number(word))
  );
  const locals = Object.entries(LOCALS).map(([type, { length }]) => [length, TYPES[type]]);
  const sections = {
    1: [1, 0x60, ...sized(PARAMETERS.map(() => TYPES.i32)), 0], // the type of a function without a result
    2: [1, ...text("page"), ...text("memory"), 2, 0, 1],
    3: [1, 0],
    7: [1, ...text("addRows"), 0, 0],
    10: [1, ...sized([locals.length, ...locals.flat(), ...code])],
  };
  const body = Object.entries(sections).flatMap(([kind, bytes]) => [Number(kind), ...sized(bytes)]);
  return new Uint8Array([0, ...text("asm").slice(1), 1, 0, 0, 0, ...body]);
}

/**
 * A memory for so many numbers, and `addRows` on matrices and lists in it.
 *
 * The rows of a matrix are filled up by zeros to a stride of whole lines.
 */
export function createMemory(numbers) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(4 * numbers / PAGE) });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble()), { page: { memory } });
  let used = 0;
  const take = (kind, count) => {
    const at = used;
    used += 4 * strideOf(count);
    return new kind(memory.buffer, at, count);
  };
  return {
    matrix(rows, columns) {
      const stride = strideOf(columns);
      const values = take(Float32Array, rows * stride);
      return { rows, columns, stride, values, at: values.byteOffset };
    },
    /** Up to `most` numbers of rows, each with a factor. */
    list(most) {
      const [items, factors] = [take(Int32Array, most), take(Float32Array, most)];
      return { items, factors, at: items.byteOffset, behind: factors.byteOffset - items.byteOffset };
    },
    /** Add to row `row` of a matrix the rows of `source` that a list has `from` … `to`, each times its factor. */
    addRows(target, row, source, list, from, to) {
      if (from === to) return;
      const [start, width] = [target.at + 4 * row * target.stride, 4 * source.stride];
      const [first, end] = [list.at + 4 * from, list.at + 4 * to];
      exports.addRows(start, start + width, source.at, width, first, end, list.behind);
    },
  };
}

/** How many numbers a row of so many takes in the memory; the same for a list. */
export const strideOf = (count) => Math.ceil(count / LINE) * LINE;
