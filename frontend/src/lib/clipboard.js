// Copies the text of a field.

/**
 * Select a field and copy its text. Returns false where the browser does not allow it; the text is selected all the same.
 *
 * @param {HTMLInputElement} field
 */
export async function copyField(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return false; // no permission, or the page is not served over HTTPS
  }
}
