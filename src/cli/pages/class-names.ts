/** A class name for pages and terminals, with spaces and line ends made visible by quotes. */
export const shownClass = (name: string): string =>
  /^\s*$|\p{Cc}/u.test(name) ? JSON.stringify(name) : name;
