import { invariant } from "../../base/index.ts";

/** A point that the pen passes, in a box of about 0…1, x to the right and y down. */
export interface StrokePoint {
  readonly x: number;
  readonly y: number;
  /** The path turns sharply here. */
  readonly corner: boolean;
}

/** One way to write a digit. */
export interface DigitStyle {
  /** How often people write it this way, relative to the other styles of the digit. */
  readonly weight: number;
  /** Width over height. */
  readonly aspect: number;
  /** Each a smooth curve through its points, broken at corners. */
  readonly strokes: readonly (readonly StrokePoint[])[];
}

/**
 * A style from its notation: points as `x,y` in percent of the box, `!` after a corner, `|` where
 * the pen is lifted.
 */
function style(weight: number, aspect: number, notation: string): DigitStyle {
  const strokes = notation.split("|").map((stroke) => stroke.trim().split(/\s+/).map(parsePoint));
  return { weight, aspect, strokes };
}

function parsePoint(text: string): StrokePoint {
  const match = /^(-?\d+),(-?\d+)(!?)$/.exec(text);
  invariant(match, `"${text}" is not a point of a digit.`);
  return { x: Number(match[1]) / 100, y: Number(match[2]) / 100, corner: match[3] === "!" };
}

/** How people write the ten digits, drawn by us; `digitStyles[d]` are the styles of digit d. */
export const digitStyles: readonly (readonly DigitStyle[])[] = [
  [
    style(5, 0.85, "58,0 17,14 1,50 15,86 50,100 85,85 99,50 84,14 52,0 36,6"), // round
    style(3, 0.5, "62,0 18,20 1,56 20,92 54,100 88,78 98,42 80,6 54,3"), // narrow
    style(2, 0.85, "18,14 0,50 15,85 50,100 85,85 100,50 84,13 50,1 24,8"), // from the left
    style(2, 0.8, "34,3 4,36 8,74 40,99 80,90 99,54 88,16 56,1 36,16"), // its end inside
  ],
  [
    style(8, 0.08, "55,0 50,50 45,100"), // a bare stroke
    style(2, 0.14, "70,0 40,45 60,100"), // a bent stroke
    style(3, 0.3, "5,28 70,0! 66,50 62,100"), // with a flag
    style(1, 0.5, "10,26 55,0! 52,50 50,97 | 5,98 50,97 98,99"), // with a flag and a foot
  ],
  [
    style(4, 0.75, "6,24 30,3 66,6 78,30 52,64 4,98! 50,96 97,95"), // a sharp foot
    style(4, 0.8, "8,22 34,2 68,8 76,34 48,72 16,97 4,86 22,76 54,92 98,97"), // a loop
    style(2, 0.85, "4,16 40,0 76,14 74,44 40,80 6,96! 40,88 70,98 99,86"), // a waved foot
    style(1, 0.7, "12,6 60,2 82,24 60,58 10,99! 95,99"), // begun flat
  ],
  [
    style(5, 0.68, "8,12 44,0 80,16 66,40 36,48! 76,56 94,78 60,99 6,92"), // round
    style(3, 0.66, "10,10 50,0 82,18 60,42 34,46 40,50 84,58 90,84 50,100 8,88"), // a small loop
    style(2, 0.7, "6,6 84,3! 38,42! 80,52 92,80 54,100 4,90"), // a flat top
    style(2, 0.62, "14,6 60,0 78,18 44,44! 84,62 78,92 36,100 2,94"), // a slim one
  ],
  [
    style(5, 0.75, "12,4 4,52! 45,54 94,46 | 82,2 76,50 68,100"), // open, two strokes
    style(3, 0.8, "14,6 10,36 30,54 66,46 86,6! 80,54 74,100"), // open, one stroke, round
    style(2, 0.78, "66,2 36,34 3,66! 50,66 98,62 | 68,2 67,50 64,100"), // closed
    style(2, 0.7, "20,2 8,46! 84,44 | 78,18 74,60 66,100"), // a short right arm
    style(1, 0.72, "92,2 40,26 6,54! 86,50! 96,6! 82,54 70,100"), // closed, one stroke
  ],
  [
    style(4, 0.75, "26,4 16,44! 50,38 86,58 80,88 40,100 4,88 | 26,4 60,4 96,1"), // hat last
    style(4, 0.78, "94,2 60,4 28,5! 18,44! 54,38 86,60 76,90 38,100 4,90"), // one stroke
    style(2, 0.85, "97,0 50,6! 30,40! 62,46 70,76 40,98 2,92"), // slanted
    style(1, 0.7, "88,4 34,6 22,30 40,46 78,62 72,92 36,100 6,92"), // nearly an S
  ],
  [
    style(5, 0.66, "72,0 30,24 5,66 22,96 62,98 92,76 76,56 40,58 12,78"), // curved
    style(3, 0.55, "56,0 22,36 4,74 30,99 74,94 90,70 62,54 28,66 10,82"), // steep
    style(2, 0.75, "94,4 46,20 8,62 26,98 60,92 68,66 44,58 16,76"), // leaning, a small bowl
    style(2, 0.6, "40,0 10,46 8,84 40,100 82,88 88,62 56,50 16,68"), // a large bowl
  ],
  [
    style(5, 0.72, "5,8 50,8 92,4! 62,48 42,100"), // plain
    style(3, 0.72, "4,20 16,6 56,10 94,4! 66,44 44,100"), // begun with a hook
    style(2, 0.75, "6,6 50,8 94,4! 62,48 40,100 | 28,52 56,50 86,48"), // with a bar
    style(2, 0.66, "4,30 8,6! 50,10 92,4! 70,40 56,70 50,100"), // with a serif
    style(1, 0.7, "4,12 50,6 86,10 82,34 58,64 46,100"), // a round shoulder
  ],
  [
    style(5, 0.62, "84,16 52,0 18,14 30,38 66,58 86,82 52,100 14,84 34,58 68,38 86,18 66,2"), // an S, closed
    style(3, 0.58, "62,4 24,10 26,36 66,56 84,84 44,100 12,82 34,56 70,36 80,12 54,3"), // begun on top
    style(2, 0.7, "92,10 56,2 22,20 48,44 74,66 60,96 22,96 14,74 46,46 92,10"), // slanted, pointed
    style(1, 0.6, "50,46 20,30 30,4 66,2 82,24 50,46! 14,64 14,92 50,100 86,90 82,62 50,46"), // two bowls
  ],
  [
    style(4, 0.62, "84,18 54,1 16,14 10,38 42,50 78,30 86,14! 84,54 74,100"), // a straight leg
    style(3, 0.62, "78,22 48,2 12,18 14,42 48,48 80,22 88,50 76,88 40,100 10,92"), // a curved leg
    style(3, 0.55, "76,6 34,4 6,28 30,48 70,36 88,8! 74,52 54,100"), // leaning
    style(1, 0.6, "86,26 66,4 26,4 8,28 30,48 68,42 88,20 84,60 80,100"), // a large bowl
  ],
];
