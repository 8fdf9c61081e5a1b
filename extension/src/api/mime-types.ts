/**
 * MIME types of hitl_nb's outputs, as kernels write them. An output has only names; the records are on the server.
 */

/** MIME type of an output with proposals. */
export const PROPOSAL_MIME = 'application/vnd.hitl-nb.proposal+json';

/** MIME type of an output with a workspace. */
export const WORKSPACE_MIME = 'application/vnd.hitl-nb.workspace+json';

/** MIME type of an output that says that an agent had finished before. */
export const FINISHED_MIME = 'application/vnd.hitl-nb.finished+json';
