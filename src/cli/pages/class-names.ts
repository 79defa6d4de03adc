/** A class as a page or a terminal shows it: spaces and ends of lines in quotes, to be seen. */
export const shownClass = (name: string): string =>
  /^\s*$|\p{Cc}/u.test(name) ? JSON.stringify(name) : name;
