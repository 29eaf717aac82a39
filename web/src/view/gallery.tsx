// Every picture that this browser keeps, newest first.
import type { JSX } from "preact";
import { addressOf, kept, most, unkept, type Kept } from "../state/gallery";
import { go } from "../state/route";

export function Gallery(): JSX.Element {
  const all = kept.value;
  return (
    <section class="gallery" aria-label="Gallery">
      <header>
        <h2>Gallery</h2>
        <p class="soft">{unkept.value ?? `In this browser only, the newest ${most}. The server keeps no pictures.`}</p>
      </header>
      {all.length === 0 ? (
        <p class="nothing">What you draw will be here.</p>
      ) : (
        <ol>
          {all.map((picture) => (
            <Thumbnail key={picture.id} picture={picture} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Thumbnail({ picture }: { picture: Kept }): JSX.Element {
  const { id, width, height, settings, seed, thumbnail } = picture;
  return (
    <li style={{ "--ratio": String(width / height) }}>
      <button type="button" onClick={() => go("gallery", id)} aria-label={`${settings.prompt}, seed ${seed}`}>
        <img src={addressOf(thumbnail)} width={width} height={height} loading="lazy" alt="" />
      </button>
      <p class="edge">{id}</p>
    </li>
  );
}
