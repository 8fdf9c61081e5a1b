/**
 * The inbox's views that a person keeps, in JupyterLab's settings.
 */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ISignal, Signal } from '@lumino/signaling';
import type { PartialJSONValue } from '@lumino/coreutils';
import { IKeptView, IKeptViews, MAX_KEPT_VIEWS, readKeptViews } from '../inbox/views/kept-views';

const ID = 'hitl-nb:inbox';

/** The kept views. Without settings they are kept until the page is reloaded. */
export class SettingsViews implements IKeptViews {
  constructor(registry: ISettingRegistry | null) {
    void registry?.load(ID).then(settings => {
      this._settings = settings;
      const read = (): void => {
        this._views = readKeptViews(settings.get('views').composite);
        this._changed.emit();
      };
      settings.changed.connect(read);
      read();
    });
  }

  get views(): readonly IKeptView[] {
    return this._views;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  async save(views: readonly IKeptView[]): Promise<void> {
    this._views = views.slice(0, MAX_KEPT_VIEWS);
    this._changed.emit();
    await this._settings?.set('views', this._views as unknown as PartialJSONValue);
  }

  private _settings: ISettingRegistry.ISettings | null = null;
  private _views: readonly IKeptView[] = [];
  private _changed = new Signal<this, void>(this);
}
