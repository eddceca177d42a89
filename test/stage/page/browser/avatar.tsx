const HUES = [210, 160, 280, 20, 330, 45];

/** A face: a person's initial, or the bot's two arrows that change places. */
export function Avatar({ name, isBot, small = false }: { name: string; isBot: boolean; small?: boolean }) {
  const size = small ? 'avatar small' : 'avatar';
  if (isBot) {
    return (
      <span className={`${size} bot`} aria-hidden="true">
        <svg viewBox="0 0 24 24" role="presentation">
          <path d="M4 8h13l-3-3M20 16H7l3 3" />
        </svg>
      </span>
    );
  }
  const hue = HUES[[...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % HUES.length];
  return (
    <span className={size} aria-hidden="true" style={{ backgroundColor: `hsl(${hue} 45% 42%)` }}>
      {name.slice(0, 1).toUpperCase()}
    </span>
  );
}
