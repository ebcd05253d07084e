import { client, say } from "./client.mjs";

const one = await client.embeddings.create({ model: "text-embedding-3-small", input: ["a dog", "a red car"] });
const two = await client.embeddings.create({
  model: "text-embedding-3-small",
  input: ["a dog", "a red car"],
  encoding_format: "float",
});
say({ decoded: one.data.map((d) => d.embedding), plain: two.data.map((d) => d.embedding), usage: two.usage });
