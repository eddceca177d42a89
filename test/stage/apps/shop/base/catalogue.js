// What this version of the shop reads and shows.
export const QUERY = 'SELECT name, price FROM hats ORDER BY name';
export const show = ({ name, price }) => `${name}: ${price} EUR`;
