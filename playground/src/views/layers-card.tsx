import type { State } from "../runner.ts";
import { texts as t } from "../texts/en.ts";
import { Card, whole } from "./parts.tsx";

/** Shapes, parameters and multiply-adds of each layer. */
export function LayersCard({ state }: { state: State }) {
  const layers = state.about?.layers ?? [];
  const sum = (of: "parameters" | "multiplyAdds") =>
    layers.reduce((all, layer) => all + layer[of], 0);
  return (
    <Card title={t.layers} id="layers">
      <div class="scroller">
        <table>
          <thead>
            <tr>
              {[t.layer, t.shape, t.parameters, t.multiplyAdds].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {layers.map((layer, n) => (
              <tr key={n}>
                <th scope="row">
                  {n + 1} {t.kinds[layer.kind]}
                </th>
                <td>{layer.shape.join(" × ")}</td>
                <td>{whole(layer.parameters)}</td>
                <td>{whole(layer.multiplyAdds)}</td>
              </tr>
            ))}
            <tr class="total">
              <th scope="row">{t.total}</th>
              <td />
              <td>{whole(sum("parameters"))}</td>
              <td>{whole(sum("multiplyAdds"))}</td>
            </tr>
          </tbody>
        </table>
      </div>
    </Card>
  );
}
