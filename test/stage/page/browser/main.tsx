import '@fontsource/lato/400.css';
import '@fontsource/lato/400-italic.css';
import '@fontsource/lato/700.css';
import '@fontsource/lato/900.css';
import 'slack-blocks-to-jsx/dist/style.css';
import './look/colours.css';
import './look/desk.css';
import './look/drawn.css';
import './look/messages.css';
import './look/widgets.css';
import './look/heroku.css';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';

const page = document.getElementById('page');
if (page) createRoot(page).render(<App />);
