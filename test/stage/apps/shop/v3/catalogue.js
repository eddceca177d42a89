// What this version of the shop reads and shows.
export const QUERY = 'SELECT name, price, stock FROM hats WHERE stock > 0 ORDER BY price';
export const show = ({ name, price, stock }) => `${name}: ${price} EUR, ${stock} left`;
