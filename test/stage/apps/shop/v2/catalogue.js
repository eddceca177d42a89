// What this version of the shop reads and shows.
export const QUERY = 'SELECT name, price, stock FROM hats ORDER BY name';
export const show = ({ name, price, stock }) => `${name}: ${price} EUR${stock === 0 ? ' (sold out)' : ''}`;
