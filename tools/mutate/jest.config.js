import base from '../../jest.config.js';

/** Only the unit tests of the folder whose code is changed: each mutant runs all of those that reach it. */
export default { ...base, rootDir: '../..', roots: [`<rootDir>/test/unit/${process.env.MUTATE_FOLDER ?? ''}`] };
