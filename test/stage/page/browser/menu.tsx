import { type ReactNode, useEffect, useRef, useState } from 'react';

export type MenuItem = { name: string; pick: () => void };

/** A button that opens a short list. */
export function Menu({
  label,
  className,
  items,
  children = '⋯',
}: {
  label: string;
  className: string;
  items: MenuItem[];
  children?: ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const whole = useClosing(open, () => setOpen(false));
  return (
    <span className="menu" ref={whole}>
      <button
        type="button"
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {children}
      </button>
      {open && (
        <div role="menu" className="popup">
          {items.map(({ name, pick }) => (
            <button
              key={name}
              type="button"
              role="menuitem"
              onClick={() => {
                setOpen(false);
                pick();
              }}
            >
              {name}
            </button>
          ))}
        </div>
      )}
    </span>
  );
}

/** Closes what is open when somebody presses elsewhere, or Escape. */
export function useClosing(open: boolean, close: () => void) {
  const whole = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!open) return;
    const elsewhere = ({ target }: MouseEvent) => {
      if (target instanceof Node && !whole.current?.contains(target)) close();
    };
    const escaped = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      // The form below stays.
      event.preventDefault();
      close();
    };
    document.addEventListener('mousedown', elsewhere);
    document.addEventListener('keydown', escaped);
    return () => {
      document.removeEventListener('mousedown', elsewhere);
      document.removeEventListener('keydown', escaped);
    };
  });
  return whole;
}
