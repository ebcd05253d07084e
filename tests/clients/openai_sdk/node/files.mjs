import { File } from "node:buffer";
import { readFileSync } from "node:fs";
import { toFile } from "openai";
import { client, model, say, tools } from "./client.mjs";

globalThis.File ??= File; // Node 18 has it in its module only

const file = await client.files.create({
  file: await toFile(readFileSync(process.env.PICTURE_FILE), "disc.jpg", { type: "image/jpeg" }),
  purpose: "vision",
});
const input = [{ role: "user", content: [{ type: "input_image", file_id: file.id, detail: "auto" }] }];
const response = await client.responses.create({ model, tools, input });
const kept = await client.responses.retrieve(response.id);
await client.responses.delete(response.id);
await client.files.delete(file.id);
say({ file, images: JSON.parse(response.output[0].output), same: kept.output_text === response.output_text });
