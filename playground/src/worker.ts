import { expose } from "comlink";
import { api } from "./engine/api.ts";

expose(api);
