// Form controls that several parts of the panel share.
import type { ComponentChildren, HTMLAttributes, JSX, TargetedEvent } from "preact";
import { notice } from "../state/notices";
import { Icon } from "./icons";

/** The attributes that tie a control to the error about it. */
export function faulty(field: string): Pick<HTMLAttributes<HTMLElement>, "aria-invalid" | "aria-describedby"> {
  const mine = notice.value?.kind === "error" && notice.value.field === field;
  return mine ? { "aria-invalid": true, "aria-describedby": "notice" } : {};
}

/** Attributes of a button that does nothing now, but keeps the focus that it may have. */
export function off(isOff: boolean, act: () => void): { "aria-disabled": boolean; onClick: () => void } {
  return { "aria-disabled": isOff, onClick: () => void (isOff || act()) };
}

interface SliderProps {
  id: string;
  label: string;
  value: number;
  least: number;
  most: number;
  step: number;
  onValue: (value: number) => void;
  /** Back to the model's own value; absent where it has that. */
  onReset?: (() => void) | undefined;
  children?: ComponentChildren;
}

/** A slider and the number beside it, which may be typed. */
export function Slider({ id, label, value, least, most, step, onValue, onReset, children }: SliderProps): JSX.Element {
  const read = (event: TargetedEvent<HTMLInputElement>) => {
    const given = event.currentTarget.valueAsNumber;
    if (Number.isFinite(given)) onValue(Math.min(Math.max(given, least), most));
    else event.currentTarget.value = String(value);
  };
  const limits = { min: least, max: most, step };
  return (
    <div class="field slider">
      <label for={id}>{label}</label>
      {onReset && (
        <button type="button" class="bare" onClick={onReset} aria-label={`${label}: back to the model's own`}>
          <Icon name="reset" />
        </button>
      )}
      {children}
      <input type="number" inputMode="decimal" id={id} value={value} {...limits} onChange={read} {...faulty(id)} />
      <input type="range" aria-label={`${label}, slider`} value={value} {...limits} onInput={read} />
    </div>
  );
}
