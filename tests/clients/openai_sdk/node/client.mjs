// What every program here begins with.
import OpenAI from "openai";

export const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
export const model = "qwen3.7-plus";
export const tools = [{ type: "image_search" }];

export const question = (picture) => [
  {
    role: "user",
    content: [
      { type: "input_text", text: "Which pictures look like this one?" },
      { type: "input_image", image_url: picture },
    ],
  },
];

export const say = (value) => console.log(JSON.stringify(value));
