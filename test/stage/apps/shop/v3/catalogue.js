// What this version of the shop reads, shows and writes.
export const QUERY = 'SELECT name, price, stock FROM hats WHERE stock > 0 ORDER BY price';
export const show = ({ name, price, stock }) => `${name}: ${price} EUR, ${stock} left`;
export const RAISE = "UPDATE hats SET price = price + 1 WHERE name = 'Fez'";
