// Jest setup provided by Grafana scaffolding
import './.config/jest-setup';
import { configure } from '@testing-library/dom';

// How long `findBy...` and `waitFor` wait; a second is short on a machine that does other work meanwhile.
configure({ asyncUtilTimeout: 20_000 });
