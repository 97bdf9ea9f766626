// Copies a field's text; false where the browser does not let us, and then the text is selected.
export async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return false; // no permission, or the page is not served over HTTPS
  }
}
