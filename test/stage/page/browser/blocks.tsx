import { Fragment, type ReactNode, useId } from 'react';
import type { Block } from '../../slack/blocks.ts';
import { DrawnBlocks, Words } from './drawn.tsx';
import { Widget } from './widget.tsx';

/** Blocks as Slack shows them; what can be pressed, chosen or filled in is ours. `errors` by block. */
export function Blocks({ blocks, errors = {} }: { blocks: Block[]; errors?: Record<string, string> }) {
  const parts: ReactNode[] = [];
  let still: Block[] = [];
  const draw = () => {
    if (still.length > 0) parts.push(<DrawnBlocks key={`drawn ${parts.length}`} blocks={still} />);
    still = [];
  };
  for (const block of blocks) {
    const live = liveBlock(block, errors);
    if (live === null) still.push(block);
    else {
      draw();
      parts.push(<Fragment key={`live ${block.block_id}`}>{live}</Fragment>);
    }
  }
  draw();
  return <div className="blocks">{parts}</div>;
}

/** Null for what slack-blocks-to-jsx draws. */
function liveBlock(block: Block, errors: Record<string, string>): ReactNode {
  const { block_id = '' } = block;
  if (block.type === 'actions') {
    return (
      <div className="actions">
        {block.elements.map(element => (
          <Widget key={element.action_id} element={{ ...element, block_id }} acts />
        ))}
      </div>
    );
  }
  if (block.type === 'section' && block.accessory && block.accessory.type !== 'image') {
    const { accessory, ...rest } = block;
    return (
      <div className="beside">
        <DrawnBlocks blocks={[rest]} />
        <Widget element={{ ...accessory, block_id }} acts />
      </div>
    );
  }
  return block.type === 'input' ? <Field block={block} error={errors[block_id]} /> : null;
}

function Field({ block, error }: { block: Extract<Block, { type: 'input' }>; error: string | undefined }) {
  const label = useId();
  return (
    <div className={error ? 'field wrong' : 'field'}>
      <div className="label" id={label}>
        <Words text={block.label} />
        {block.optional && <span className="optional"> (optional)</span>}
      </div>
      <Widget
        element={{ ...block.element, block_id: block.block_id }}
        acts={block.dispatch_action === true}
        labelledBy={label}
      />
      {error && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      {block.hint && (
        <p className="hint">
          <Words text={block.hint} />
        </p>
      )}
    </div>
  );
}
