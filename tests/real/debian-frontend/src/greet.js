export const greet = (name) => `hello ${name}`;
export const unused = 1;
