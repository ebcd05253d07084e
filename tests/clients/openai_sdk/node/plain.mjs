import { client, model, question, say, tools } from "./client.mjs";

const response = await client.responses.create({ model, tools, input: question(process.env.PICTURE) });
for (const item of response.output) {
  if (item.type === "image_search_call" && item.output) {
    for (const image of JSON.parse(item.output)) say({ index: image.index, title: image.title, url: image.url });
  }
}
say({ text: response.output_text, usage: response.usage });
